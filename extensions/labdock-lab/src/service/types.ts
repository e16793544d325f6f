import type { components } from './schema.ts';

type Schemas = components['schemas'];

export type Changes = Schemas['Changes'];
export type DeployRequest = Schemas['DeployRequest'];
export type Endpoint = Schemas['Endpoint'];
export type ErrorBody = Schemas['ErrorBody'];
export type Job = Schemas['Job'];
export type JobState = Job['state'];
export type Key = Schemas['Key'];
export type ModelVersion = Schemas['ModelVersion'];
export type Progress = Schemas['Progress'];
export type Resources = Schemas['Resources'];
export type Revision = Schemas['Revision'];
export type Sample = Schemas['Sample'];
export type Signature = Schemas['Signature'];
export type Tensor = Schemas['Tensor'];
export type Trace = Schemas['Trace'];
