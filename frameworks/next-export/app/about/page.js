export default function About() {
  return <h1>Files, and no function</h1>;
}
