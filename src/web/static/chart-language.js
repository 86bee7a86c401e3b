/**
 * uPlot writes numbers in the language of the browser, and does not load if the browser names one that is none, such as `C` or `en-US@posix`. It
 * is told that of the page, in which charts say everything.
 */
Object.defineProperty(navigator, 'language', { value: document.documentElement.lang })
