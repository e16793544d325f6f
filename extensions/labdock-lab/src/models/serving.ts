import { answered, type Service } from '../service/service.ts';
import type { DeployRequest, Endpoint, ModelVersion, Revision } from '../service/types.ts';
import { EndpointList, newest } from './endpoints.ts';
import { ModelVersionList } from './modelversions.ts';

/** Models and endpoints as a person sees them, and what can be done with them. */
export class Serving {
  readonly service: Service;
  readonly endpoints: EndpointList;
  readonly models: ModelVersionList;

  constructor(service: Service) {
    const { api, live } = service;
    this.service = service;
    this.endpoints = new EndpointList({ live, list: () => answered(api.GET('/endpoints')) });
    this.models = new ModelVersionList({ live, list: () => answered(api.GET('/models')) });
  }

  /** Begin to follow both. */
  begin(): void {
    this.endpoints.begin();
    this.models.begin();
  }

  /** Read again which of them could not be read. */
  retry(): void {
    [this.endpoints, this.models].forEach(list => list.retry());
  }

  /** Put a model version behind an endpoint; it serves once it has answered. Throws a Problem. */
  async deploy(project: string, name: string, body: DeployRequest): Promise<Endpoint> {
    const path = { project, name };
    return this.endpoints.answer(
      answered(
        this.service.api.POST('/endpoints/{project}/{name}/deploy', { params: { path }, body })
      )
    );
  }

  /** Go back to the revision before. Throws a Problem. */
  async undo({ project, name }: Endpoint): Promise<void> {
    const path = { project, name };
    await this.endpoints.answer(
      answered(this.service.api.POST('/endpoints/{project}/{name}/undo', { params: { path } }))
    );
  }

  /** Delete an endpoint with its revisions and keys. Throws a Problem. */
  async delete({ id, project, name }: Endpoint): Promise<void> {
    const path = { project, name };
    await answered(this.service.api.DELETE('/endpoints/{project}/{name}', { params: { path } }));
    this.endpoints.remove(id);
  }

  /** A model version with its sample. Throws a Problem. */
  model(id: string): Promise<ModelVersion> {
    return answered(this.service.api.GET('/models/{id}', { params: { path: { id } } }));
  }

  /**
   * A revision of an endpoint, once it serves, has failed or was given up; by itself the newest.
   *
   * One that is retired at first is to come up again.
   */
  settled(endpoint: Endpoint, awaited = newest(endpoint)?.id): Promise<Revision | undefined> {
    const pending = new Set<Revision['state']>(['starting', 'warming', 'draining', 'retired']);
    return new Promise(resolve => {
      const look = (): void => {
        const now = this.endpoints.endpoints.find(one => one.id === endpoint.id);
        const revision = now?.revisions.find(one => one.id === awaited);
        if (revision?.state === 'starting') {
          pending.delete('retired'); // if it is so from now on, it was given up
        }
        if (!revision || !pending.has(revision.state)) {
          this.endpoints.changed.disconnect(look);
          resolve(revision);
        }
      };
      this.endpoints.changed.connect(look);
      look();
    });
  }
}
