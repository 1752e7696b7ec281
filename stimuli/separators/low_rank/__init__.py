"""Systems without networks that model spectra by matrices: of low rank, sparse, or products of non-negative ones."""
