"""Requirements of ITU-R BS.1534-3 as named rules, asked in ``stimuli.standard.check``."""
