import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect, InputGroup } from '@jupyterlab/ui-components';
import * as React from 'react';

import { stateName } from '../components/statename.ts';
import { CHOICES, isChoice, isScope, type StateChoice } from '../models/jobfilter.ts';
import type { JobsView } from '../models/jobsview.ts';

interface IProps {
  view: JobsView;
  trans: TranslationBundle;
}

/** Whose jobs, in which state, and with which words. */
export function JobFilters(props: IProps & { projects: readonly string[] }) {
  const { trans } = props;
  return (
    <div className="lbd-JobFilters" role="search" aria-label={trans.__('Which jobs')}>
      <Search {...props} />
      <div className="lbd-JobFilters-choices">
        <ScopeChoice {...props} />
        <StateFilter {...props} />
      </div>
    </div>
  );
}

function Search({ view, trans }: IProps) {
  const { text } = view.filter;
  return (
    <InputGroup
      type="search"
      rightIcon="ui-components:search"
      placeholder={trans.__('Name, id or parameter')}
      aria-label={trans.__('Search jobs')}
      value={text}
      onChange={event => view.choose({ text: event.currentTarget.value })}
      onKeyDown={event => {
        if (event.key === 'Escape' && text !== '') {
          event.stopPropagation();
          view.choose({ text: '' });
        }
      }}
    />
  );
}

function ScopeChoice({ view, projects, trans }: IProps & { projects: readonly string[] }) {
  return (
    <HTMLSelect
      aria-label={trans.__('Whose jobs')}
      value={view.filter.scope}
      onChange={event => {
        const chosen = event.currentTarget.value;
        if (isScope(chosen)) {
          view.choose({ scope: chosen });
        }
      }}
    >
      <option value="mine">{trans.__('My jobs')}</option>
      <option value="all">{trans.__('All jobs')}</option>
      {projects.map(name => (
        <option key={name} value={`project:${name}`}>
          {trans.__('Project %1', name)}
        </option>
      ))}
    </HTMLSelect>
  );
}

function StateFilter({ view, trans }: IProps) {
  return (
    <HTMLSelect
      aria-label={trans.__('State')}
      value={view.filter.state}
      onChange={event => {
        const chosen = event.currentTarget.value;
        if (isChoice(chosen)) {
          view.choose({ state: chosen });
        }
      }}
    >
      {CHOICES.map(choice => (
        <option key={choice} value={choice}>
          {choiceName(choice, trans)}
        </option>
      ))}
    </HTMLSelect>
  );
}

function choiceName(choice: StateChoice, trans: TranslationBundle): string {
  return choice === 'any'
    ? trans.__('any state')
    : choice === 'active'
      ? trans.__('not ended')
      : stateName(choice, trans);
}
