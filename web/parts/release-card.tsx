import type { Release } from '../../src/api/deployments.ts';
import { call } from '../api.ts';
import { shortId } from '../format.ts';
import { Confirm } from './action.tsx';
import { Card, Time } from './basics.tsx';

/** A rolling release under way: how much goes where, and on to the next stage. */
export function ReleaseCard({ release, changed }: { readonly release: Release; readonly changed: () => void }) {
  const order = { params: { project: release.project } };
  const then = (work: Promise<unknown>) => work.then(changed);
  const canary = <code>{shortId(release.canary)}</code>;
  return (
    <Card title="Rolling release" note={`stage ${release.stage + 1} of ${release.stages.length}`}>
      <div class="release-bar" role="img" aria-label={`${release.percent} % of clients have ${release.canary}`}>
        <i class="water" style={{ width: `${release.percent}%` }} />
      </div>
      <p>
        <b>{release.percent} %</b> of clients have {canary}, the others <code>{shortId(release.stable)}</code>.{' '}
        {release.nextMs === null ? (
          'The next stage waits for you.'
        ) : (
          <>
            The next stage comes at <Time ms={release.nextMs} as="clock" />.
          </>
        )}
      </p>
      <div class="tools">
        <Confirm
          route="approveRelease"
          label="Next stage"
          kind="primary"
          title="Go on to the next stage?"
          confirm="Go on"
          done="The next stage has begun."
          run={() => then(call('approveRelease', order))}
        >
          <p>More clients get {canary} at once.</p>
        </Confirm>
        <Confirm
          route="completeRelease"
          label="Give it to all"
          title="Give it to all clients?"
          confirm="Give it to all"
          done="All clients have it."
          run={() => then(call('completeRelease', order))}
        >
          <p>All clients get {canary} now.</p>
        </Confirm>
        <Confirm
          route="abortRelease"
          label="Abort"
          kind="danger"
          title="Abort the release?"
          confirm="Abort"
          done="The release is aborted."
          run={() => then(call('abortRelease', order))}
        >
          <p>All clients go back to what they had.</p>
        </Confirm>
      </div>
    </Card>
  );
}
