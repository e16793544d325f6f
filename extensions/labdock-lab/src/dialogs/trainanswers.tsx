import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { TrainForm } from '../models/trainform.ts';
import { about, size } from '../models/wording.ts';
import type { ImagePreview, Requirements, StartForecast } from '../service/types.ts';

interface IProps {
  form: TrainForm;
  trans: TranslationBundle;
}

/** What follows from what was chosen. */
export function Answers({ form, trans }: IProps) {
  return (
    <div className="lbd-Train-answers">
      <Start form={form} trans={trans} />
      <Image form={form} trans={trans} />
    </div>
  );
}

function Start({ form, trans }: IProps) {
  const { value, problem, asking } = form.forecast;
  return (
    <section aria-labelledby="lbd-train-start" aria-busy={asking}>
      <h3 id="lbd-train-start">{trans.__('When will it start')}</h3>
      <div aria-live="polite" className={asking ? 'lbd-mod-asking' : ''}>
        {problem ? (
          <p className="lbd-Train-warning">{problem.message}</p>
        ) : value ? (
          <StartAnswer value={value} trans={trans} />
        ) : (
          <p>{asking ? trans.__('Asking…') : '–'}</p>
        )}
      </div>
    </section>
  );
}

function StartAnswer({ value, trans }: { value: StartForecast; trans: TranslationBundle }) {
  const { seconds, message, before } = value;
  const when =
    seconds === null
      ? trans.__('Nobody knows yet.')
      : seconds === 0
        ? null
        : trans.__('In %1.', about(seconds, trans));
  return (
    <>
      {when && <p className="lbd-Train-big">{when}</p>}
      <p className={when ? '' : 'lbd-Train-big'}>{message}</p>
      {before > 0 && (
        <p>{trans._n('%1 job waits before it.', '%1 jobs wait before it.', before)}</p>
      )}
    </>
  );
}

function Image({ form, trans }: IProps) {
  const { value, problem, asking } = form.preview;
  return (
    <section aria-labelledby="lbd-train-image" aria-busy={asking}>
      <h3 id="lbd-train-image">{trans.__('What will be in the image')}</h3>
      <div aria-live="polite" className={asking ? 'lbd-mod-asking' : ''}>
        {problem ? (
          <p className="lbd-Train-warning">{problem.message}</p>
        ) : value ? (
          <ImageAnswer value={value} trans={trans} />
        ) : (
          <p>{asking ? trans.__('Reading the files…') : '–'}</p>
        )}
      </div>
    </section>
  );
}

function ImageAnswer({ value, trans }: { value: ImagePreview; trans: TranslationBundle }) {
  const { warnings } = value;
  return (
    <>
      {warnings.map(warning => (
        <p key={warning} className="lbd-Train-warning">
          {warning}
        </p>
      ))}
      <Files value={value} trans={trans} />
      <Dependencies needs={value.requirements} trans={trans} />
      {value.left_out_count > 0 && <LeftOut value={value} trans={trans} />}
    </>
  );
}

function Files({ value, trans }: { value: ImagePreview; trans: TranslationBundle }) {
  const { files, count } = value;
  const told = trans._n('%1 file, %2', '%1 files, %2', count, size(value.size, trans));
  return (
    <details open>
      <summary>{told}</summary>
      <ul className="lbd-Train-list" tabIndex={0} aria-label={trans.__('Files')}>
        {files.map(file => (
          <li key={file.path}>
            <span className="lbd-Train-path" title={file.path}>
              {file.path}
              {file.link && ` → ${file.link}`}
            </span>
            <span className="lbd-Train-aside">{size(file.size, trans)}</span>
          </li>
        ))}
        {count > files.length && <li>{trans.__('and %1 smaller ones', count - files.length)}</li>}
      </ul>
    </details>
  );
}

function Dependencies({ needs, trans }: { needs: Requirements; trans: TranslationBundle }) {
  const lines = needs.lines ?? [];
  if (lines.length === 0) {
    return <p>{trans.__('All that it imports is in the environment.')}</p>;
  }
  const told = trans._n(
    '%1 dependency, %2',
    '%1 dependencies, %2',
    lines.length,
    from(needs, trans)
  );
  return (
    <details open>
      <summary>{told}</summary>
      <ul className="lbd-Train-list" tabIndex={0} aria-label={trans.__('Dependencies')}>
        {lines.map(line => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </details>
  );
}

/** Where dependencies were found. */
function from({ origin }: Requirements, trans: TranslationBundle): string {
  const places: Record<Requirements['origin'], string> = {
    'requirements.txt': trans.__('from requirements.txt'),
    'pyproject.toml': trans.__('from pyproject.toml'),
    notebook: trans.__('from its %pip install lines'),
    imports: trans.__('from its imports, as installed here'),
    none: ''
  };
  return places[origin];
}

function LeftOut({ value, trans }: { value: ImagePreview; trans: TranslationBundle }) {
  const { left_out: shown, left_out_count: count } = value;
  return (
    <details>
      <summary>{trans._n('%1 path stays here', '%1 paths stay here', count)}</summary>
      <ul className="lbd-Train-list" tabIndex={0} aria-label={trans.__('What stays here')}>
        {shown.map(({ path, reason }) => (
          <li key={path}>
            <span className="lbd-Train-path" title={path}>
              {path}
            </span>
            <span className="lbd-Train-aside">{reason}</span>
          </li>
        ))}
        {count > shown.length && <li>{trans.__('and %1 more', count - shown.length)}</li>}
      </ul>
    </details>
  );
}
