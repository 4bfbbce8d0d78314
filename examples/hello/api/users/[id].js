/** A segment in brackets is a parameter. */
export default function handler(req, res) {
  res.json({ id: req.query.id, cookies: req.cookies });
}
