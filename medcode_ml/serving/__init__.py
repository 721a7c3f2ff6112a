"""The API: what systems ask of medcode over HTTP, answered by the functions of the command line."""
