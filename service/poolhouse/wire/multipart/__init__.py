"""Forms with a file, ``multipart/form-data``, as browsers and ``curl -F`` send them."""
