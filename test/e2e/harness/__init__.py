"""What the end-to-end tests stand on: real daemons, real files, a hostile peer of our own."""
