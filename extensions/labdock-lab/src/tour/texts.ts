import type { TranslationBundle } from '@jupyterlab/translation';

import type { Step } from '../models/tour.ts';

/** What a step says, and what its button does for the person. */
export interface IText {
  title: string;
  text: string;
  action?: string;
}

/** The words of a step. */
export function textOf(step: Step, trans: TranslationBundle): IText {
  switch (step) {
    case 'opened':
      return {
        title: trans.__('A notebook that reads digits'),
        text: trans.__('It trains a small network on pictures of handwritten digits.'),
        action: trans.__('Open the notebook')
      };
    case 'ran':
      return {
        title: trans.__('Run it'),
        text: trans.__('Run all cells, here in your own server. It takes a few seconds.'),
        action: trans.__('Run all cells')
      };
    case 'submitted':
      return {
        title: trans.__('Train it as a job'),
        text: trans.__(
          'Train takes the notebook as it is and runs it on as many workers as you choose. You can close the browser meanwhile.'
        ),
        action: trans.__('Train…')
      };
    case 'watched':
      return {
        title: trans.__('Watch it'),
        text: trans.__('Your jobs are in the side bar, with their progress. Open it.'),
        action: trans.__('Show jobs')
      };
    case 'ended':
      return {
        title: trans.__('It is on its way'),
        text: trans.__(
          'Labdock makes an image of the notebook, then trains. This step ends when the job has succeeded.'
        )
      };
    case 'drawn':
      return {
        title: trans.__('Look at its curves'),
        text: trans.__('TensorBoard shows the curves of every job of your project.'),
        action: trans.__('Open TensorBoard')
      };
    case 'deployed':
      return {
        title: trans.__('Put the model behind a URL'),
        text: trans.__('Deploy the model that the job saved. It answers after a moment.'),
        action: trans.__('Deploy…')
      };
    case 'asked':
      return {
        title: trans.__('Send it a request'),
        text: trans.__('On the endpoint’s page, send the sample: a picture of a digit.')
      };
  }
}
