/** The names of all commands, so that no two parts spell one in two ways. */
export const CommandIDs = {
  openJobs: 'labdock:open-jobs'
} as const;
