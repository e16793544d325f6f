/** The names of all commands, so that no two parts spell one in two ways. */
export const CommandIDs = {
  openJobs: 'labdock:open-jobs',
  openJob: 'labdock:open-job',
  train: 'labdock:train',
  trainSelected: 'labdock:train-selected',
  openServing: 'labdock:open-serving',
  deploy: 'labdock:deploy',
  openEndpoint: 'labdock:open-endpoint',
  openTensorBoard: 'labdock:open-tensorboard'
} as const;
