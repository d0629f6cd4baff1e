PLAN=None
UpscalerTask=None
