/** The names of all commands, so that no two parts spell one in two ways. */
export const CommandIDs = {
  openJobs: 'labdock:open-jobs',
  openJob: 'labdock:open-job',
  openServing: 'labdock:open-serving',
  deploy: 'labdock:deploy',
  openEndpoint: 'labdock:open-endpoint',
  openTensorBoard: 'labdock:open-tensorboard',
  stopJob: 'labdock:stop-job',
  retryJob: 'labdock:retry-job',
  runJobAgain: 'labdock:run-job-again',
  deleteJob: 'labdock:delete-job',
  restoreJob: 'labdock:restore-job',
  openExecuted: 'labdock:open-executed-notebook',
  deployJob: 'labdock:deploy-job',
  openBoards: 'labdock:open-job-tensorboard',
  train: 'labdock:train',
  trainSelected: 'labdock:train-selected',
  copyLink: 'labdock:copy-link',
  showServer: 'labdock:show-server',
  startTour: 'labdock:start-tour',
  workTogether: 'labdock:work-together'
} as const;
