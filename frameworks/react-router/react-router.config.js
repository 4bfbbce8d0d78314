import { vercelPreset } from '@vercel/react-router/vite';

// The preset splits the server for the hosted platform; without it there is one, to compare with.
export default { ssr: true, presets: process.env.VERCEL ? [vercelPreset()] : [] };
