"""How a stored sound reaches a listener: from the folder or an object store, marked, by the app or the proxy."""
