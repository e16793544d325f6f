/** The names of all commands, so that no two parts spell one in two ways. */
export const CommandIDs = {
  copyLink: 'labdock:copy-link',
  openJobs: 'labdock:open-jobs',
  showServer: 'labdock:show-server',
  startTour: 'labdock:start-tour'
} as const;
