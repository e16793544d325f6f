import type { components } from './schema.ts';

type Schemas = components['schemas'];

export type Changes = Schemas['Changes'];
export type Endpoint = Schemas['Endpoint'];
export type ErrorBody = Schemas['ErrorBody'];
export type Job = Schemas['Job'];
export type JobState = Job['state'];
export type Progress = Schemas['Progress'];
export type AcquireRequest = Schemas['AcquireRequest'];
export type ReleaseRequest = Schemas['ReleaseRequest'];
export type ServerFigures = Schemas['ServerFigures'];
export type ServerLease = Schemas['ServerLease'];
