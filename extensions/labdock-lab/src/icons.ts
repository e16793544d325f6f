import { LabIcon } from '@jupyterlab/ui-components';

/** Labdock's mark: a flask that floats. */
export const labdockIcon = new LabIcon({
  name: 'labdock-lab:labdock',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">
  <path class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="M9 2.5h6M10 3v5.5L5 17h14l-5-8.5V3"/>
  <path class="jp-icon3" fill="#616161" d="M8.6 12.5h6.8L18 17H6z"/>
  <path class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" d="M2.5 21.2c1.6-1.3 3.2-1.3 4.75 0s3.15 1.3 4.75 0 3.2-1.3 4.75 0 3.15 1.3 4.75 0"/>
</svg>`
});

/** A model that answers: layers, and what goes out of them. */
export const servingIcon = new LabIcon({
  name: 'labdock-lab:serving',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">
  <path class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="M3 8l6-3 6 3-6 3zM3 12l6 3 3-1.5M3 16l6 3 3-1.5M14 15h7M18 12l3 3-3 3"/>
</svg>`
});

/** Curves over each other. */
export const curvesIcon = new LabIcon({
  name: 'labdock-lab:curves',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">
  <path class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="M4 4v16h16M7 8c2 6 5 7 12 8M7 14c4-1 6-7 12-7"/>
</svg>`
});
