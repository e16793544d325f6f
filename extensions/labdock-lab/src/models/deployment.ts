import type { Endpoint, ModelVersion } from '../service/types.ts';
import { serving } from './endpoints.ts';

/** What the service takes as an endpoint's name. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether the service takes it. */
export function isEndpointName(name: string): boolean {
  return NAME.test(name);
}

/** A name for an endpoint of this model. */
export function proposedName(model: string): string {
  const name = model
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return name || 'model';
}

/** The endpoint that most likely takes a model: one with an older version of it, or of its name. */
export function likelyEndpoint(
  model: ModelVersion,
  endpoints: readonly Endpoint[],
  models: readonly ModelVersion[]
): Endpoint | undefined {
  const own = endpoints.filter(endpoint => endpoint.project === model.project);
  const names = new Map(models.map(one => [one.id, one.name]));
  return (
    own.find(endpoint => names.get(serving(endpoint)?.model ?? '') === model.name) ??
    own.find(endpoint => endpoint.name === proposedName(model.name))
  );
}

/** Those that a dialog offers: of a job, else all versions of one model, else all. */
export function offeredModels(
  models: readonly ModelVersion[],
  asked: { job?: string | undefined; model?: string | undefined }
): ModelVersion[] {
  if (asked.job !== undefined) {
    return models
      .filter(model => model.job === asked.job)
      .sort((one, other) => other.created - one.created || other.version - one.version);
  }
  const found = models.find(model => model.id === asked.model);
  return found
    ? models.filter(model => model.project === found.project && model.name === found.name)
    : [...models].sort((one, other) => other.created - one.created);
}
