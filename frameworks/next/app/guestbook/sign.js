'use server';

import { cookies } from 'next/headers';
import { redirect } from 'next/navigation';

export async function sign(form) {
  (await cookies()).set('name', String(form.get('name')), { httpOnly: true });
  redirect('/guestbook');
}
