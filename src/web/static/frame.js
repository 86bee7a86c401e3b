/**
 * Within a frame of an EHR: whoever goes back, or opens the EHR's page anew, comes to what stood there before, and the EHR may have another
 * patient open by now. So what the browser remembers of this page says so when it asks for it again, and is looked at first.
 */
history.replaceState(null, '', document.documentElement.dataset.again)
