/** Throws where nobody catches: neighbours finish, the instance is replaced. `?how=exit` ends the process. */
export default function handler(req, res) {
  if (req.query.how === 'exit') process.exit(3);
  setTimeout(() => {
    throw new Error('crash.js threw in a timer');
  }, 5);
  setTimeout(() => res.send('never reached\n'), 60_000);
}
