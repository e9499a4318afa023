"""The console's pages: each module has the routes of one thing, what they read, and what their forms do."""
