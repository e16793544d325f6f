import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import { Problem, sentenceOf } from '../service/problem.ts';
import type {
  Environment,
  FieldProblem,
  ImagePreview,
  Job,
  Parameter,
  Project,
  Resources,
  StartForecast,
  TrainingEntry,
  TrainingRequest,
  TrainingStep
} from '../service/types.ts';
import { Latest } from './latest.ts';
import { machineProblems } from './machineproblems.ts';
import { Newest } from './newest.ts';
import { defaultText } from './parametertext.ts';
import type { ITrainChoice } from './trainchoice.ts';
import { GIGABYTE } from './wording.ts';

/** What the form asks of the service and of the person's own server. */
export interface ITrainSource {
  environments(): Promise<Environment[]>;
  projects(): Promise<Project[]>;
  /** The names of the secrets that a job of the project can get. */
  secrets(project: string): Promise<string[]>;
  entry(path: string): Promise<TrainingEntry>;
  check(request: TrainingRequest, signal: AbortSignal): Promise<FieldProblem[]>;
  forecast(workers: number, each: Resources, signal: AbortSignal): Promise<StartForecast>;
  preview(path: string, environment: string | null, signal: AbortSignal): Promise<ImagePreview>;
  submit(request: TrainingRequest, report: (step: TrainingStep) => void): Promise<Job>;
}

/** Milliseconds after the last change, before what follows from it is asked. */
export const PAUSE = 300;

/** The service's names of fields, where they differ from those of the form. */
const FIELDS: Record<string, string> = {
  cpus: 'resources.cpus',
  memory: 'resources.memory',
  gpus: 'resources.gpus'
};

type Text = Pick<TranslationBundle, '__'>;
type Simple = Exclude<keyof ITrainChoice, 'parameters' | 'secrets'>;

/** What a person chooses for a job, what follows from it, and what is wrong with it. */
export class TrainForm implements IDisposable {
  readonly path: string;
  readonly forecast: Latest<StartForecast>;
  readonly preview: Latest<ImagePreview>;
  readonly #checks: Latest<FieldProblem[]>;
  readonly #source: ITrainSource;
  readonly #trans: Text;
  readonly #changed = new Signal<this, void>(this);
  readonly #refused = new Map<string, string>();
  readonly #noted = new Map<string, string>();
  readonly #questions = new Newest();
  #choice: ITrainChoice;
  #chosen: TrainingEntry | null = null;
  #entry: TrainingEntry | null = null;
  #environments: readonly Environment[] | null = null;
  #projects: readonly Project[] | null = null;
  #secrets: readonly string[] = [];
  /** The project whose secrets were read. */
  #secretsOf: string | null = null;
  #loading = false;
  #step: TrainingStep | null = null;
  #refusals = 0;
  #isDisposed = false;

  constructor(
    path: string,
    choice: ITrainChoice,
    source: ITrainSource,
    trans: Text,
    pause: number = PAUSE
  ) {
    this.path = path;
    this.#choice = choice;
    this.#source = source;
    this.#trans = trans;
    this.forecast = new Latest(pause);
    this.preview = new Latest(pause);
    this.#checks = new Latest(pause);
    for (const answer of [this.forecast, this.preview, this.#checks]) {
      answer.changed.connect(() => this.#emit());
    }
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get choice(): ITrainChoice {
    return this.#choice;
  }

  /** What was chosen to be trained; null until it was looked at. */
  get chosen(): TrainingEntry | null {
    return this.#chosen;
  }

  /** The notebook or script that is trained: what was chosen, or one of a folder. */
  get entry(): TrainingEntry | null {
    return this.#entry;
  }

  get parameters(): readonly Parameter[] {
    return this.#entry?.parameters ?? [];
  }

  get environments(): readonly Environment[] {
    return this.#environments ?? [];
  }

  get projects(): readonly Project[] {
    return this.#projects ?? [];
  }

  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /** What is done of the submission; null where none is under way. */
  get step(): TrainingStep | null {
    return this.#step;
  }

  /** How often it could not be submitted. */
  get refusals(): number {
    return this.#refusals;
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.forecast.dispose();
    this.preview.dispose();
    this.#checks.dispose();
    Signal.clearData(this);
  }

  /** Read what there is to choose from, and ask what follows from the choice. */
  async load(): Promise<void> {
    const { path } = this;
    this.#loading = true;
    await Promise.all([
      this.#findChosen(path),
      this.#note('environment', this.#source.environments(), found => {
        this.#environments = found;
      }),
      this.#note('project', this.#source.projects(), found => {
        this.#projects = found;
      })
    ]);
    this.#keepWhatIsThere();
    void this.#findSecrets().then(() => this.#forgetUnread());
    this.#loading = false;
    this.#forgetUnread();
    this.#ask();
  }

  /** Choose anew; what was wrong with the field before is forgotten. */
  set(field: Simple, text: string): void {
    this.#choice = { ...this.#choice, [field]: text };
    this.#forget(isResource(field) ? `resources.${field}` : field);
    this.#emit();
    if (field === 'entry') {
      void this.#changeEntry();
    } else if (field === 'project') {
      void this.#findSecrets();
    } else if (field === 'environment') {
      this.#askPreview();
    } else if (field === 'workers' || isResource(field)) {
      this.#askForecast();
    } else if (field === 'arguments') {
      this.#askCheck();
    }
  }

  /** Set a parameter; typing its default again leaves it as the notebook has it. */
  setParameter(parameter: Parameter, text: string): void {
    const { [parameter.name]: _, ...others } = this.#choice.parameters;
    const isOwn = text === defaultText(parameter);
    const parameters = isOwn ? others : { ...others, [parameter.name]: text };
    this.#choice = { ...this.#choice, parameters };
    this.#forget(`parameters.${parameter.name}`);
    this.#emit();
    this.#askCheck();
  }

  /** What stands in a parameter's field. */
  textOf(parameter: Parameter): string {
    return this.#choice.parameters[parameter.name] ?? defaultText(parameter);
  }

  /** Give the job a secret, or not. */
  setSecret(name: string, given: boolean): void {
    const others = this.#choice.secrets.filter(one => one !== name);
    this.#choice = { ...this.#choice, secrets: given ? [...others, name] : others };
    this.#forget('secrets');
    this.#emit();
  }

  /** Why a field cannot be as it is; the empty name is for what is about no field. */
  problem(field: string): string | null {
    return this.#problems().get(field) ?? null;
  }

  /** One of the sentences that say what is wrong; null where nothing is known to be. */
  get anyProblem(): string | null {
    return [...this.#problems().values()][0] ?? null;
  }

  /** The service's name of the environment that is chosen; null for the default one. */
  get environment(): string | null {
    return this.#choice.environment || null;
  }

  /** Submit; null where something is wrong, which its field then says. */
  async submit(): Promise<Job | null> {
    const path = this.#entryPath();
    if (this.#step !== null) {
      return null;
    }
    this.#refused.clear();
    if (this.#isUnread()) {
      this.#refuseUnread();
      return null;
    }
    if (!path) {
      this.#refused.set('', this.#trans.__('There is no notebook or script in this folder.'));
    }
    if (!path || machineProblems(this.#choice, this.#trans).size > 0) {
      this.#refusals += 1;
      this.#emit();
      return null;
    }
    this.#step = { message: this.#trans.__('Submitting'), share: null };
    this.#emit();
    try {
      return await this.#source.submit(this.#request(path), step => {
        this.#step = step;
        this.#emit();
      });
    } catch (error) {
      this.#refuse(error);
      return null;
    } finally {
      this.#step = null;
      this.#emit();
    }
  }

  /** Whether the job would be another than the one that was chosen, for something is not read. */
  #isUnread(): boolean {
    const { secrets, project } = this.#choice;
    return (
      (this.#entry === null && !this.#isEmpty()) ||
      this.#environments === null ||
      this.#projects === null ||
      (secrets.length > 0 && this.#secretsOf !== project)
    );
  }

  /** Whether a folder was chosen that has nothing to be trained. */
  #isEmpty(): boolean {
    return this.#chosen?.kind === 'folder' && !this.#chosen.entries?.length;
  }

  /** Say that something is not read, and read what could not be. */
  #refuseUnread(): void {
    this.#refusals += 1;
    this.#refused.set('', this.#unreadSentence());
    this.#emit();
    if (!this.#loading) {
      void this.load();
    }
  }

  #forgetUnread(): void {
    if (!this.#isUnread()) {
      this.#refused.delete('');
      this.#emit();
    }
  }

  #unreadSentence(): string {
    return this.#loading || this.#noted.size === 0
      ? this.#trans.__('What there is to choose from is still being read. Try again in a moment.')
      : this.#trans.__(
          'Not everything could be read, so nothing was submitted. It is being read again.'
        );
  }

  #request(path: string): TrainingRequest {
    const { choice } = this;
    const names = new Set(this.parameters.map(parameter => parameter.name));
    const given = Object.entries(choice.parameters).filter(([name]) => names.has(name));
    return {
      path,
      environment: this.environment,
      project: choice.project || null,
      name: choice.name.trim() || null,
      workers: Number(choice.workers),
      resources: this.#resources(),
      parameters: Object.fromEntries(given),
      arguments: this.#entry?.kind === 'script' ? choice.arguments : '',
      secrets: choice.secrets.filter(name => this.#secrets.includes(name))
    };
  }

  #resources(): Resources {
    const { cpus, memory, gpus } = this.#choice;
    return {
      cpus: Number(cpus),
      memory: Math.round(Number(memory) * GIGABYTE),
      gpus: Number(gpus)
    };
  }

  #entryPath(): string | null {
    if (this.#chosen?.kind !== 'folder') {
      return this.#chosen?.path ?? null;
    }
    const { entry } = this.#choice;
    return entry && `${this.#chosen.path}/${entry}`.replace(/^\//, '');
  }

  async #findChosen(path: string): Promise<void> {
    await this.#note('path', this.#source.entry(path), chosen => {
      this.#chosen = chosen;
      this.#entry = chosen.kind === 'folder' ? null : chosen;
    });
    const entries = this.#chosen?.entries ?? [];
    if (!entries.includes(this.#choice.entry)) {
      this.#choice = { ...this.#choice, entry: entries[0] ?? '' };
    }
    await this.#findEntry();
  }

  /** Look at the notebook or script that was chosen in a folder. */
  async #findEntry(): Promise<void> {
    const path = this.#entryPath();
    if (this.#chosen?.kind === 'folder' && path) {
      this.#entry = null;
      await this.#note('path', this.#source.entry(path), entry => {
        this.#entry = entry;
      });
    }
  }

  async #changeEntry(): Promise<void> {
    this.#choice = { ...this.#choice, parameters: {}, arguments: '' };
    this.#refused.clear();
    this.#checks.clear();
    this.#askPreview();
    await this.#findEntry();
    this.#askCheck();
  }

  async #findSecrets(): Promise<void> {
    const { project } = this.#choice;
    await this.#note('secrets', this.#source.secrets(project), found => {
      this.#secrets = found;
      this.#secretsOf = project;
    });
  }

  /** An environment or a project that is gone since is not offered again; one may be unread. */
  #keepWhatIsThere(): void {
    const { environment, project } = this.#choice;
    const usable = this.#environments?.some(one => one.name === environment && !one.unavailable);
    const member = this.#projects?.some(one => one.name === project);
    this.#choice = {
      ...this.#choice,
      environment: (usable ?? true) ? environment : '',
      project: (member ?? true) ? project : ''
    };
  }

  #ask(): void {
    this.#askForecast();
    this.#askPreview();
    this.#askCheck();
  }

  #askForecast(): void {
    if (machineProblems(this.#choice, this.#trans).size > 0) {
      this.forecast.clear();
      return;
    }
    const workers = Number(this.#choice.workers);
    this.forecast.ask(signal => this.#source.forecast(workers, this.#resources(), signal));
  }

  #askPreview(): void {
    const path = this.#entryPath();
    if (!path) {
      this.preview.clear();
      return;
    }
    this.preview.ask(signal => this.#source.preview(path, this.environment, signal));
  }

  #askCheck(): void {
    const path = this.#entryPath();
    if (path) {
      this.#checks.ask(signal => this.#source.check(this.#request(path), signal));
    }
  }

  /** Take the answer to the newest question of a field; its failure is said there. */
  async #note<T>(field: string, question: Promise<T>, take: (answer: T) => void): Promise<void> {
    const isNewest = this.#questions.ask(field);
    const [answer] = await Promise.allSettled([question]);
    if (!isNewest()) {
      return;
    }
    if (answer.status === 'fulfilled') {
      this.#noted.delete(field);
      take(answer.value);
    } else {
      this.#noted.set(...this.#placed(answer.reason, field));
    }
    this.#emit();
  }

  #refuse(error: unknown): void {
    this.#refusals += 1;
    this.#refused.set(...this.#placed(error, ''));
  }

  /** The field that an error is about, and its sentence. */
  #placed(error: unknown, otherwise: string): [string, string] {
    const sentence = sentenceOf(error);
    const said = error instanceof Problem ? error.field : null;
    const field = said === null ? otherwise : (FIELDS[said] ?? said);
    return [this.#isShown(field) ? field : otherwise, sentence];
  }

  #isShown(field: string): boolean {
    const shown = ['', 'path', 'environment', 'project', 'name', 'workers', 'resources'];
    const more = ['parameters', 'arguments', 'secrets', ...Object.values(FIELDS)];
    const named = this.parameters.map(parameter => `parameters.${parameter.name}`);
    return [...shown, ...more, ...named].includes(field);
  }

  #forget(field: string): void {
    this.#refused.delete(field);
    this.#refused.delete(field.split('.')[0] ?? field);
    this.#refused.delete('');
  }

  #problems(): Map<string, string> {
    const typed = (this.#checks.value ?? []).map(({ field, detail }) => [field, detail] as const);
    const asked = this.forecast.problem;
    const found = new Map([...this.#noted, ...typed, ...this.#refused]);
    if (asked instanceof Problem && asked.field !== null) {
      const [field, sentence] = this.#placed(asked, 'resources');
      found.set(field, sentence);
    }
    for (const [field, sentence] of machineProblems(this.#choice, this.#trans)) {
      found.set(field, sentence);
    }
    return found;
  }

  #emit(): void {
    if (!this.#isDisposed) {
      this.#changed.emit();
    }
  }
}

function isResource(field: Simple): field is 'cpus' | 'memory' | 'gpus' {
  return field === 'cpus' || field === 'memory' || field === 'gpus';
}
