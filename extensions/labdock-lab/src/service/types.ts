import type { components } from './schema.ts';

type Schemas = components['schemas'];

export type Changes = Schemas['Changes'];
export type Environment = Schemas['Environment'];
export type Endpoint = Schemas['Endpoint'];
export type ErrorBody = Schemas['ErrorBody'];
export type Job = Schemas['Job'];
export type JobState = Job['state'];
export type Progress = Schemas['Progress'];
export type FieldProblem = Schemas['FieldProblem'];
export type ImagePreview = Schemas['ImagePreview'];
export type Parameter = Schemas['Parameter'];
export type Project = Schemas['Project'];
export type Requirements = Schemas['Requirements'];
export type Resources = Schemas['Resources'];
export type StartForecast = Schemas['StartForecast'];
export type TrainingEntry = Schemas['TrainingEntry'];
export type TrainingRequest = Schemas['TrainingRequest'];
export type TrainingStep = Schemas['TrainingStep'];
