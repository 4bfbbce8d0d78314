export interface PlatformFacts {
  readonly environment: 'development' | 'preview' | 'production';
  readonly project: string;
  readonly deployment: string;
  /** Where clients find it: host and port, without a scheme. */
  readonly url: string;
  /** Where clients find the project, whichever deployment that is; absent: at `url`. */
  readonly productionUrl?: string;
  readonly region: string;
}

/**
 * What every function finds in its environment: the hosted platform's system variables, so that packages made for it find
 * theirs, and the same under names of ours.
 */
export function platformVariables(facts: PlatformFacts): Record<string, string> {
  const { environment, project, deployment, url, region } = facts;
  return {
    NODE_ENV: environment === 'development' ? 'development' : 'production',
    VERCEL: '1',
    VERCEL_ENV: environment,
    VERCEL_TARGET_ENV: environment,
    VERCEL_REGION: region,
    VERCEL_URL: url,
    VERCEL_BRANCH_URL: url,
    VERCEL_PROJECT_PRODUCTION_URL: facts.productionUrl ?? url,
    VERCEL_PROJECT_ID: project,
    VERCEL_DEPLOYMENT_ID: deployment,
    WEIR: '1',
    WEIR_ENV: environment,
    WEIR_REGION: region,
    WEIR_URL: url,
    WEIR_PROJECT_ID: project,
    WEIR_DEPLOYMENT_ID: deployment,
  };
}
