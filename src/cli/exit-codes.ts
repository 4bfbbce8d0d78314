/** What the exit code of a command says. docs/reference/cli.md has this table. */
export const exitCodes = {
  ok: { code: 0, meaning: 'it was done' },
  failed: { code: 1, meaning: 'it failed: a build, a deployment, a check, or something inside the control' },
  usage: { code: 2, meaning: 'an argument, an option or a file of the project is wrong' },
  unreachable: { code: 3, meaning: 'no control is running, or it cannot be reached' },
  notAllowed: { code: 4, meaning: 'there is no token, it is not known, or its role does not allow it' },
  notFound: { code: 5, meaning: 'there is no such project, deployment, domain, variable, …' },
  conflict: { code: 6, meaning: 'it cannot be done in the state that things are in' },
  interrupted: { code: 130, meaning: 'it was interrupted by Ctrl-C (143: by SIGTERM, 129: by SIGHUP)' },
} as const;

export type Outcome = keyof typeof exitCodes;
