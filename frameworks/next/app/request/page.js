import { cookies, headers } from 'next/headers';

export default async function Request() {
  const [head, jar] = await Promise.all([headers(), cookies()]);
  return (
    <dl>
      <dt>x-from-proxy</dt>
      <dd id="proxy">{head.get('x-from-proxy')}</dd>
      <dt>accept-language</dt>
      <dd id="language">{head.get('accept-language')}</dd>
      <dt>visited</dt>
      <dd id="visited">{jar.get('visited')?.value}</dd>
    </dl>
  );
}
