/** The names of all commands, so that no two parts spell one in two ways. */
export const CommandIDs = {
  openJobs: 'labdock:open-jobs',
  openJob: 'labdock:open-job',
  stopJob: 'labdock:stop-job',
  retryJob: 'labdock:retry-job',
  runJobAgain: 'labdock:run-job-again',
  deleteJob: 'labdock:delete-job',
  openExecuted: 'labdock:open-executed-notebook',
  deployJob: 'labdock:deploy-job',
  openBoards: 'labdock:open-job-tensorboard'
} as const;

/** Commands of other plugins that are offered where they are there. */
export const OtherCommands = {
  cloneJob: 'labdock:clone-job',
  deploy: 'labdock:deploy',
  openTensorBoard: 'labdock:open-tensorboard'
} as const;
