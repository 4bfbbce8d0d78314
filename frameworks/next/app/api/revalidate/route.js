import { revalidatePath, revalidateTag } from 'next/cache';

export function POST(request) {
  const tag = request.nextUrl.searchParams.get('tag');
  const path = request.nextUrl.searchParams.get('path');
  if (tag !== null) revalidateTag(tag, { expire: 0 });
  if (path !== null) revalidatePath(path);
  return Response.json({ revalidated: tag ?? path });
}
