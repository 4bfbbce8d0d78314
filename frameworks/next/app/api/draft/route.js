import { draftMode } from 'next/headers';
import { redirect } from 'next/navigation';

export async function GET(request) {
  const draft = await draftMode();
  if (request.nextUrl.searchParams.get('off') === null) draft.enable();
  else draft.disable();
  redirect('/draft');
}
