/** The same as a (req, res) function, with the helpers. */
export default function handler(req, res) {
  res.status(200).send(`Hello from ${req.url}\n`);
}
