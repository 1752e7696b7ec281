"""Where sounds come from: data-set layouts, the demo's songs, other people's estimates."""
