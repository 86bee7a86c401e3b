/**
 * What answered a form stands in the browser's history as that form. Whoever went on from it and came back was shown no page of ours, but
 * asked whether to send it once more: from then on they come to the page at that address.
 */
addEventListener('submit', () => history.replaceState(history.state, ''))
