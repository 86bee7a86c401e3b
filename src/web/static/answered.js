/**
 * In the browser's history, the answer to a form is kept as that form. People who went on from it and came back saw no page of ours, but were
 * asked whether to send it again. With this, they come to the page at that address.
 */
addEventListener('submit', () => history.replaceState(history.state, ''))
