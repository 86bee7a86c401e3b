/** Of days that do not all fit, the newest are seen first. */
for (const days of document.querySelectorAll('[data-newest-last]')) days.scrollLeft = days.scrollWidth
