"""What the discriminator sees in place of images: ADA's transforms, and DiffAugment's."""
