// media
