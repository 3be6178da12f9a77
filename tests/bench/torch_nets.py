"""The bench's networks in PyTorch; what makes images ends with logits."""
import torch
from torch import nn


def dense(*sizes, code=None):
    """ReLU behind all but the last layer and the code's."""
    layers = []
    for i, (size, following) in enumerate(zip(sizes, sizes[1:])):
        layers.append(nn.Linear(size, following))
        if i != code and i + 2 < len(sizes):
            layers.append(nn.ReLU())
    return layers


class Variational(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(3136, 256), nn.ReLU(), nn.Linear(256, 64)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 3136), nn.ReLU()),
            *(nn.Unflatten(1, (64, 7, 7)), nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), nn.ReLU()),
            nn.ConvTranspose2d(32, 1, 3, 2, 1, 1),
        )

    def forward(self, x):
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(z), mean, log_variance


def classifier():
    def conv(size, following):
        return nn.Conv2d(size, following, 3, 1, 1), nn.BatchNorm2d(following), nn.ReLU()

    return nn.Sequential(
        *(*conv(1, 32), *conv(32, 32), nn.MaxPool2d(2), nn.Dropout(0.25)),
        *(*conv(32, 64), *conv(64, 64), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()),
        *(nn.Linear(3136, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10)),
    )


networks = {
    "A": lambda: nn.Sequential(*dense(784, 64, 784)),
    "B": lambda: nn.Sequential(*dense(784, 1000, 500, 250, 30, 250, 500, 1000, 784, code=3)),
    "C": Variational,
    "D": classifier,
}


def made(work):
    """One of them, with Glorot's normal weights."""
    net = networks[work]()
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net
