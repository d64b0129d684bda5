"""Every `# guard: NAME` in the code has a test that fails without it; `make proof` takes each away and watches."""
