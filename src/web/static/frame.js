/**
 * For an EHR's frame: somebody who goes back, or opens the EHR's page again, comes to what was there before, but the EHR may have another
 * patient open by now. So the address that the browser remembers for this page says that it is asked for again, and that is checked first.
 */
history.replaceState(null, '', document.documentElement.dataset.again)
