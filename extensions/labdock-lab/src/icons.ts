import { LabIcon } from '@jupyterlab/ui-components';

/** Labdock's mark: a ship's container with a curve that falls. */
export const labdockIcon = new LabIcon({
  name: 'labdock-lab:labdock',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">
  <rect class="jp-icon3" stroke="#616161" stroke-width="2" x="3" y="5" width="18" height="14" rx="1.5"/>
  <path class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" d="M7 8.5c1 5.5 4 6.5 10 7"/>
</svg>`
});
