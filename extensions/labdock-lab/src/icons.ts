import { LabIcon } from '@jupyterlab/ui-components';

/** Labdock's mark: a ship's container with a curve that falls. */
export const labdockIcon = new LabIcon({
  name: 'labdock-lab:labdock',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">
  <rect class="jp-icon3" stroke="#616161" stroke-width="2" x="3" y="5" width="18" height="14" rx="1.5"/>
  <path class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" d="M7 8.5c1 5.5 4 6.5 10 7"/>
</svg>`
});

/** A model that answers: layers, and what goes out of them. */
export const servingIcon = new LabIcon({
  name: 'labdock-lab:serving',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
    <path d="M3 8l6-3 6 3-6 3zM3 12l6 3 3-1.5M3 16l6 3 3-1.5"/>
    <path d="M14 15h7M18 12l3 3-3 3"/>
  </g>
</svg>`
});

/** Curves over each other. */
export const curvesIcon = new LabIcon({
  name: 'labdock-lab:curves',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
    <path d="M4 4v16h16"/>
    <path d="M7 8c2 6 5 7 12 8M7 14c4-1 6-7 12-7"/>
  </g>
</svg>`
});
