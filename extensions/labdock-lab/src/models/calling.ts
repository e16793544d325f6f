import type { Endpoint } from '../service/types.ts';
import type { Words } from './wording.ts';

/** A way to send a request, to copy. */
export interface ICalling {
  readonly title: string;
  readonly text: string;
}

/** Characters of a request that stand in a command; a longer one is a file. */
const LONGEST = 3000;
/** The file that holds a request which is too long for a command. */
export const REQUEST = 'request.json';
const KEY = 'ldk_…';

/** How a terminal, a program and a notebook send this request to an endpoint at this address. */
export function callings(
  endpoint: Endpoint,
  address: string,
  body: unknown,
  trans: Words
): ICalling[] {
  const json = JSON.stringify(body);
  const short = json.length <= LONGEST;
  const data = short ? `'${json.replaceAll("'", `'\\''`)}'` : `@${REQUEST}`;
  return [
    {
      title: 'curl',
      text: [
        `curl -i ${address}:predict \\`,
        `  -H "Authorization: Bearer ${KEY}" \\`,
        `  -d ${data}`
      ].join('\n')
    },
    {
      title: 'Python',
      text: [
        'import requests',
        '',
        'answer = requests.post(',
        `    "${address}:predict",`,
        `    headers={"Authorization": "Bearer ${KEY}"},`,
        short ? `    data=${pythonText(json)},` : `    data=open("${REQUEST}", "rb"),`,
        ')',
        'print(answer.json())'
      ].join('\n')
    },
    {
      title: trans.__('Notebook'),
      text: [
        'import labdock',
        '',
        `endpoint = labdock.endpoint("${endpoint.project}/${endpoint.name}")`,
        'endpoint.predict(endpoint.sample())'
      ].join('\n')
    }
  ];
}

function pythonText(json: string): string {
  return `'${json.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
