"""The same answers by HTTP, command line and page. Decides nothing."""
