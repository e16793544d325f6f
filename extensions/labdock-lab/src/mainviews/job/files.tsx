import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { moment, size } from '../../models/wording.ts';
import type { JobPage } from '../../models/jobpage.ts';

/** What the job wrote: to download, or to open as a copy. */
export function FilesPart(props: {
  page: JobPage;
  url: (path: string) => string;
  onOpen: (path: string) => void;
  trans: TranslationBundle;
}) {
  const { page, trans } = props;
  if (page.files === null) {
    return <p className="lbd-Empty">{trans.__('Reading …')}</p>;
  }
  if (page.files.length === 0) {
    return <p className="lbd-Empty">{trans.__('It has written no files yet.')}</p>;
  }
  return (
    <table className="lbd-Table lbd-Files">
      <thead>
        <tr>
          <th scope="col">{trans.__('File')}</th>
          <th scope="col">{trans.__('Size')}</th>
          <th scope="col">{trans.__('Written')}</th>
          <th scope="col">{trans.__('Get it')}</th>
        </tr>
      </thead>
      <tbody>
        {page.files.map(file => (
          <tr key={file.path}>
            <th scope="row">
              <button
                className="lbd-Link"
                title={trans.__('Open a copy in your home')}
                onClick={() => props.onOpen(file.path)}
              >
                {file.path}
              </button>
            </th>
            <td className="lbd-Table-number">{size(file.size, trans)}</td>
            <td>{moment(file.modified)}</td>
            <td>
              <a
                href={props.url(file.path)}
                download={file.path.split('/').at(-1)}
                aria-label={trans.__('Download %1', file.path)}
              >
                {trans.__('Download')}
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
