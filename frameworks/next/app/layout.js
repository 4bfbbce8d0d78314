import Link from 'next/link';
import './style.css';

export const metadata = { title: 'Weir and Next.js', description: 'What the App Router does, on Weir.' };

const pages = ['stream', 'timed', 'tagged', 'posts/first', 'users/7', 'picture', 'guestbook', 'request', 'draft'];

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <Link href="/">home</Link>
          {pages.map((page) => (
            <Link key={page} href={`/${page}`} prefetch={false}>
              {page}
            </Link>
          ))}
        </nav>
        <main>{children}</main>
      </body>
    </html>
  );
}
