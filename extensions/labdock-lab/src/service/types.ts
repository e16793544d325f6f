import type { components } from './schema.ts';

type Schemas = components['schemas'];

export type Changes = Schemas['Changes'];
export type DeployRequest = Schemas['DeployRequest'];
export type Endpoint = Schemas['Endpoint'];
export type Environment = Schemas['Environment'];
export type ErrorBody = Schemas['ErrorBody'];
export type FieldProblem = Schemas['FieldProblem'];
export type ImagePreview = Schemas['ImagePreview'];
export type Job = Schemas['Job'];
export type JobState = Job['state'];
export type Key = Schemas['Key'];
export type ModelVersion = Schemas['ModelVersion'];
export type Parameter = Schemas['Parameter'];
export type Progress = Schemas['Progress'];
export type Project = Schemas['Project'];
export type Requirements = Schemas['Requirements'];
export type Resources = Schemas['Resources'];
export type Revision = Schemas['Revision'];
export type Sample = Schemas['Sample'];
export type Signature = Schemas['Signature'];
export type StartForecast = Schemas['StartForecast'];
export type Tensor = Schemas['Tensor'];
export type Trace = Schemas['Trace'];
export type TrainingEntry = Schemas['TrainingEntry'];
export type TrainingRequest = Schemas['TrainingRequest'];
export type TrainingStep = Schemas['TrainingStep'];
