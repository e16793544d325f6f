import type { components } from './schema.ts';

type Schemas = components['schemas'];

export type Attempt = Schemas['Attempt'];
export type Changes = Schemas['Changes'];
export type Endpoint = Schemas['Endpoint'];
export type ErrorBody = Schemas['ErrorBody'];
export type Event = Schemas['Event'];
export type Failure = Schemas['Failure'];
export type FetchedFile = Schemas['FetchedFile'];
export type FetchRequest = Schemas['FetchRequest'];
export type File = Schemas['File'];
export type Job = Schemas['Job'];
export type JobRequest = Schemas['JobRequest'];
export type JobState = Job['state'];
export type LogLine = Schemas['LogLine'];
export type MetricHistory = Schemas['MetricHistory'];
export type MetricPoint = Schemas['MetricPoint'];
export type Parameter = Schemas['Parameter'];
export type Person = Schemas['Person'];
export type Progress = Schemas['Progress'];
export type Snapshot = Schemas['Snapshot'];
export type Source = Schemas['Source'];
