import Link from 'next/link';
import './style.css';

export const metadata = { title: 'Weir and a static export' };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <Link href="/">home</Link> <Link href="/about">about</Link> <Link href="/posts/first">first</Link>
        </nav>
        <main>{children}</main>
      </body>
    </html>
  );
}
